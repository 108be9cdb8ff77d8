package mpi

import "testing"

// What launchers write into the environment, as Open MPI 4.1 and 5.0, MPICH 4.0 and 5.0 did
// and as the manuals of Slurm and MVAPICH say.
func TestLaunched(t *testing.T) {
	for name, c := range map[string]struct {
		env     map[string]string
		want    Launch
		several bool
	}{
		"alone":                     {nil, Launch{}, false},
		"Open MPI":                  {map[string]string{"OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "3", "PMIX_RANK": "3"}, Launch{"mpirun of Open MPI", OpenMPI, 3, 4}, true},
		"Open MPI with one":         {map[string]string{"OMPI_COMM_WORLD_SIZE": "1", "OMPI_COMM_WORLD_RANK": "0"}, Launch{"mpirun of Open MPI", OpenMPI, 0, 1}, false},
		"prterun":                   {map[string]string{"PRTE_LAUNCHED": "1", "PMIX_RANK": "1"}, Launch{"prterun of Open MPI", OpenMPI, 1, 0}, true},
		"MPICH":                     {map[string]string{"PMI_RANK": "1", "PMI_SIZE": "2", "MPI_LOCALNRANKS": "2"}, Launch{"mpiexec of MPICH", MPICH, 1, 2}, true},
		"MVAPICH":                   {map[string]string{"MV2_COMM_WORLD_RANK": "1", "MV2_COMM_WORLD_SIZE": "2", "PMI_RANK": "1"}, Launch{"mpirun_rsh of MVAPICH", MPICH, 1, 2}, true},
		"Slurm with PMIx":           {map[string]string{"SLURM_PROCID": "2", "SLURM_NTASKS": "8", "SLURM_STEP_NUM_TASKS": "8", "PMIX_RANK": "2"}, Launch{"srun of Slurm", Unknown, 2, 8}, true},
		"Slurm, a script of sbatch": {map[string]string{"SLURM_PROCID": "0", "SLURM_NTASKS": "8"}, Launch{}, false},
		"Slurm with one task":       {map[string]string{"SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "1"}, Launch{"srun of Slurm", Unknown, 0, 1}, false},
		"mpirun within a script of sbatch": {map[string]string{"SLURM_PROCID": "0", "OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "1", "SLURM_STEP_NUM_TASKS": "1"},
			Launch{"mpirun of Open MPI", OpenMPI, 1, 2}, true},
		"PMIx alone": {map[string]string{"PMIX_RANK": "0"}, Launch{"a PMIx launcher", Unknown, 0, 0}, true},
	} {
		got, ok := Launched(func(key string) string { return c.env[key] })
		if got != c.want || ok != (c.want.By != "") || got.Several() != c.several {
			t.Errorf("%s: %+v, %v, several %v", name, got, ok, got.Several())
		}
	}
}
