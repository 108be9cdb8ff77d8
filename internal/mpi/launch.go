// Package mpi lets several processes, on one machine or many, work as one: it calls an MPI
// library that is loaded at run time, without cgo, and adds numbers of all processes along
// a fixed tree, so that a sum has the same bits for every number of processes that can
// share what is added.
//
// It knows the three binary interfaces in use: that of Open MPI, that of MPICH (Intel MPI
// and MVAPICH have it too), and the standard one of MPI 5.0, chapter 20. Which one a library
// has is found out when it is loaded.
//
// A process is called a rank. All ranks call the same functions in the same order.
//
// What calls MPI is built with the tag mpi, on Linux. It makes the program dynamically
// linked, since a library is to be loaded; without the tag the package knows launchers and
// trees, and nothing of it is linked that is not used.
package mpi

import (
	"strconv"
)

// A Family is what a launcher and a library have in common: they must be of one.
type Family string

// The families. A launcher of an unknown one, such as Slurm's srun, works with each.
const (
	OpenMPI Family = "Open MPI"
	MPICH   Family = "MPICH" // also Intel MPI and MVAPICH
	Unknown Family = ""
)

// A Launch is what a launcher tells a process that it has started.
type Launch struct {
	By     string // the launcher, such as "mpirun of Open MPI"
	Family Family
	Rank   int
	Size   int // how many processes it has started; 0 if it does not say
}

// Launched returns what the launcher of this process has written into the environment.
// It returns false for a process that was started alone.
func Launched(getenv func(string) string) (Launch, bool) {
	number := func(names ...string) (n int, ok bool) {
		for _, name := range names {
			if n, err := strconv.Atoi(getenv(name)); err == nil && n >= 0 {
				return n, true
			}
		}
		return 0, false
	}
	l := Launch{}
	rank, size := "", ""
	switch {
	case getenv("OMPI_COMM_WORLD_SIZE") != "":
		l, rank, size = Launch{By: "mpirun of Open MPI", Family: OpenMPI}, "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"
	case getenv("SLURM_STEP_NUM_TASKS") != "": // a batch script has SLURM_PROCID too, and is one process
		l, rank, size = Launch{By: "srun of Slurm"}, "SLURM_PROCID", "SLURM_STEP_NUM_TASKS"
	case getenv("PRTE_LAUNCHED") != "":
		l, rank = Launch{By: "prterun of Open MPI", Family: OpenMPI}, "PMIX_RANK"
	case getenv("MV2_COMM_WORLD_SIZE") != "":
		l, rank, size = Launch{By: "mpirun_rsh of MVAPICH", Family: MPICH}, "MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE"
	case getenv("PMI_RANK") != "":
		l, rank, size = Launch{By: "mpiexec of MPICH", Family: MPICH}, "PMI_RANK", "PMI_SIZE"
	case getenv("PMIX_RANK") != "":
		l, rank = Launch{By: "a PMIx launcher"}, "PMIX_RANK"
	default:
		return l, false
	}
	l.Rank, _ = number(rank)
	l.Size, _ = number(size)
	return l, l.By != ""
}

// Several says whether the launcher has started more than one process, or may have.
func (l Launch) Several() bool { return l.By != "" && l.Size != 1 }
