//go:build mpi && linux && (amd64 || arm64)

package mpi

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"github.com/ebitengine/purego"
)

// A library is a loaded MPI.
type library struct {
	path    string // what was loaded: a name that the system's loader knows, or a path
	abi     ABI
	version string // what the library says of itself, in one line

	constants
	functions
	handle uintptr
}

// functions are the addresses of MPI's.
type functions struct {
	getLibraryVersion, abiGetVersion, errorString uintptr
	initialized, initThread, finalize, abort      uintptr
	commSetErrhandler, commRank, commSize         uintptr
	isend, irecv, test                            uintptr
	iallgather, iallgatherv, ibcast, ibarrier     uintptr
}

// names are the files of the libraries of a family, in the order in which they are tried.
var names = map[Family][]string{
	OpenMPI: {"libmpi.so.40", "libmpi_abi.so.1", "libmpi_abi.so.0", "libmpi.so"},
	MPICH:   {"libmpi_abi.so.1", "libmpi_abi.so.0", "libmpi.so.12", "libmpich.so.12", "libmpi.so"},
	Unknown: {"libmpi_abi.so.1", "libmpi_abi.so.0", "libmpi.so.40", "libmpi.so.12", "libmpich.so.12", "libmpi.so"},
}

// packages are what to install for the launchers of a family.
var packages = map[Family]string{
	OpenMPI: "Open MPI's library (Debian: apt install openmpi-bin)",
	MPICH:   "MPICH's library (Debian: apt install mpich)",
	Unknown: "Open MPI or MPICH (Debian: apt install openmpi-bin, or mpich)",
}

// load loads the library at path. If path is "" it loads the one that is installed beside
// the launcher, or else the one that the system finds.
func load(l Launch, path string) (*library, error) {
	tries := []string{path}
	if path == "" {
		tries = append(besideLauncher(l.Family), names[l.Family]...)
	}
	var errs []error
	for _, name := range tries {
		// Global: the plug-ins of Open MPI look for its symbols.
		handle, err := purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_GLOBAL)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		lib := &library{path: name, handle: handle}
		if err := lib.bind(); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return lib, nil
	}
	if path != "" {
		return nil, fmt.Errorf("PEDESTRIAN_MPI: %w", errs[0])
	}
	return nil, fmt.Errorf("there is no MPI library for %s: install %s, or set PEDESTRIAN_MPI to the path of one", l.By, packages[l.Family])
}

// launchers are the programs that start ranks on a machine.
var launchers = []string{"orterun", "orted", "prterun", "prte", "prted", "mpirun", "mpiexec", "hydra_pmi_proxy", "mpiexec.hydra", "mpirun_rsh", "mpispawn", "slurmstepd"}

// launcher returns the process above this one that is a launcher, and its program. If none
// is seen, it returns the process's parent.
func launcher() (pid int, program string) {
	for pid := os.Getppid(); pid > 1; pid = parent(pid) {
		program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		if err == nil && slices.Contains(launchers, filepath.Base(program)) {
			return pid, program
		}
	}
	return os.Getppid(), ""
}

// parent returns the parent of a process, 0 if there is none to be seen.
func parent(pid int) int {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, _ := strings.Cut(string(stat), ") ") // the name before may have spaces
	if f := strings.Fields(after); len(f) > 1 {
		n, _ := strconv.Atoi(f[1])
		return n
	}
	return 0
}

// besideLauncher returns the libraries of the installation that started this process:
// /opt/mpi/lib/libmpi.so.40 if the launcher is /opt/mpi/bin/prterun.
func besideLauncher(f Family) (paths []string) {
	_, program := launcher()
	prefix := filepath.Dir(filepath.Dir(program))
	if program == "" || prefix == "/usr" || prefix == "/" {
		return nil // the system's loader knows better where its libraries are
	}
	for _, dir := range []string{"lib", "lib64", "lib/release"} {
		for _, name := range names[f] {
			path := filepath.Join(prefix, dir, name)
			if _, err := os.Stat(path); err == nil {
				paths = append(paths, path)
			}
		}
	}
	return paths
}

// bind finds the functions, and which ABI they have.
func (l *library) bind() (err error) {
	symbol := func(name string) (uintptr, error) { return purego.Dlsym(l.handle, name) }
	for _, f := range []struct {
		name string
		to   *uintptr
	}{
		{"MPI_Get_library_version", &l.getLibraryVersion}, {"MPI_Error_string", &l.errorString},
		{"MPI_Initialized", &l.initialized}, {"MPI_Init_thread", &l.initThread}, {"MPI_Finalize", &l.finalize}, {"MPI_Abort", &l.abort},
		{"MPI_Comm_set_errhandler", &l.commSetErrhandler}, {"MPI_Comm_rank", &l.commRank}, {"MPI_Comm_size", &l.commSize},
		{"MPI_Isend", &l.isend}, {"MPI_Irecv", &l.irecv}, {"MPI_Test", &l.test},
		{"MPI_Iallgather", &l.iallgather}, {"MPI_Iallgatherv", &l.iallgatherv}, {"MPI_Ibcast", &l.ibcast}, {"MPI_Ibarrier", &l.ibarrier},
	} {
		if *f.to, err = symbol(f.name); err != nil {
			return fmt.Errorf("it has no %s: it is no library of MPI 3.0 or newer", f.name)
		}
	}
	l.abiGetVersion, _ = symbol("MPI_Abi_get_version")
	l.version = l.libraryVersion(8192)
	_, ompi := purego.Dlsym(l.handle, "ompi_mpi_comm_world")
	switch major := l.standard(); {
	case ompi == nil:
		l.abi = ABIOpenMPI
		l.constants, err = openMPIConstants(symbol)
	case major == 1:
		l.abi, l.constants = ABIStandard, standardConstants
	case major > 1:
		err = fmt.Errorf("it has version %d of the standard ABI, and version 1 is known here", major)
	case strings.Contains(l.version, "MPICH"), strings.Contains(l.version, "Intel"), strings.Contains(l.version, "MVAPICH"):
		l.abi, l.constants = ABIMPICH, mpichConstants
	default:
		err = fmt.Errorf("%q has no ABI that is known here: Open MPI, MPICH and MPI 5.0 have", l.version)
	}
	return err
}

// standard returns the major version of the standard ABI that the library has, and 0 or -1 if
// it has another ABI. A native MPICH 5 has the function too.
func (l *library) standard() int {
	if l.abiGetVersion == 0 {
		return 0
	}
	v := new([2]int32)
	purego.SyscallN(l.abiGetVersion, uintptr(unsafe.Pointer(&v[0])), uintptr(unsafe.Pointer(&v[1])))
	return int(v[0])
}

// libraryVersion returns the first line of what the library says of itself.
func (l *library) libraryVersion(most int) string {
	text, n := make([]byte, most), new(int32)
	purego.SyscallN(l.getLibraryVersion, uintptr(unsafe.Pointer(&text[0])), uintptr(unsafe.Pointer(n)))
	line, _, _ := strings.Cut(string(text[:max(0, min(int(*n), most))]), "\n")
	line, _, _ = strings.Cut(line, ", package:") // of Open MPI, where it was built
	return strings.Join(strings.Fields(strings.TrimRight(line, "\x00")), " ")
}

// An Error is what an MPI function returned.
type Error struct {
	Call string // such as MPI_Isend
	Code int    // the number of the library
	Text string // what the library says to it
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.Call, strings.TrimSpace(e.Text)) }

// call calls a function of the library, whose arguments are integers and pointers. Go keeps
// what the arguments point to until it returns.
//
//go:uintptrescapes
func (l *library) call(name string, function uintptr, args ...uintptr) error {
	r, _, _ := purego.SyscallN(function, args...)
	code := int32(r)
	if code == 0 {
		return nil
	}
	text, n := make([]byte, l.maxError), new(int32)
	purego.SyscallN(l.errorString, uintptr(code), uintptr(unsafe.Pointer(&text[0])), uintptr(unsafe.Pointer(n)))
	runtime.KeepAlive(text)
	return &Error{name, int(code), string(text[:max(0, min(int(*n), len(text)))])}
}

// exit ends the process by the exit of the C library, which calls what libraries want to be
// called at the end.
func exit(code int) {
	if function, err := purego.Dlsym(purego.RTLD_DEFAULT, "exit"); err == nil {
		purego.SyscallN(function, uintptr(code))
	}
	os.Exit(code)
}
