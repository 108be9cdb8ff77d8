//go:build mpi && linux && (amd64 || arm64)

package mpi

// An ABI is what a program must know of an MPI library beyond the names of its functions:
// handles and constants are compiled into programs, and there are three families of them.
type ABI string

const (
	ABIOpenMPI  ABI = "Open MPI" // handles are the addresses of global objects
	ABIMPICH    ABI = "MPICH"    // handles are C ints; also Intel MPI, MVAPICH and Cray MPICH
	ABIStandard ABI = "standard" // MPI 5.0, chapter 20: handles are small numbers, as large as a pointer
)

// constants are the values of an ABI.
type constants struct {
	world        uintptr // MPI_COMM_WORLD
	byte         uintptr // MPI_BYTE
	errorsReturn uintptr // MPI_ERRORS_RETURN
	ignore       uintptr // MPI_STATUS_IGNORE
	funneled     uintptr // MPI_THREAD_FUNNELED
	maxError     int     // MPI_MAX_ERROR_STRING
	maxVersion   int     // MPI_MAX_LIBRARY_VERSION_STRING
}

var mpichConstants = constants{
	world:        0x44000000,
	byte:         0x4c00010d,
	errorsReturn: 0x54000001,
	ignore:       1,
	funneled:     1,
	maxError:     512,
	maxVersion:   8192,
}

var standardConstants = constants{
	world:        0x101,
	byte:         0x247,
	errorsReturn: 0x143,
	ignore:       0,
	funneled:     1024,
	maxError:     512,
	maxVersion:   8192,
}

// openMPIConstants are those of Open MPI, whose objects symbol finds.
func openMPIConstants(symbol func(name string) (uintptr, error)) (c constants, err error) {
	c = constants{ignore: 0, funneled: 1, maxError: 256, maxVersion: 256}
	for _, s := range []struct {
		name string
		to   *uintptr
	}{
		{"ompi_mpi_comm_world", &c.world},
		{"ompi_mpi_byte", &c.byte},
		{"ompi_mpi_errors_return", &c.errorsReturn},
	} {
		if *s.to, err = symbol(s.name); err != nil {
			return c, err
		}
	}
	return c, nil
}
