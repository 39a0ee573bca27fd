package jail

import (
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"spar/internal/fault"
)

//go:embed driver.py
var driver string

// interpreter is a python3 of this host.
type interpreter struct {
	path string   // of the binary itself, without links
	read []string // what it must be able to read: itself, the C libraries, its own modules
}

// pythonPaths are looked at first, since a jailed process may not be allowed into what lies below a home directory.
var pythonPaths = []string{"/usr/bin/python3", "/usr/local/bin/python3"}

// libraryPaths hold the C library and its loader on the Linux systems there are.
var libraryPaths = []string{"/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache"}

// findPython looks for an interpreter and asks it, outside any jail, where its modules are.
func findPython() (interpreter, error) {
	var path string
	for _, p := range pythonPaths {
		if _, err := os.Stat(p); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		var err error
		if path, err = exec.LookPath("python3"); err != nil {
			return interpreter{}, fault.Inputf("python3 is not installed, so Python programs cannot be verified; install it: scripts/fetch verifiers, or the Debian package python3")
		}
	}
	const ask = `import os, sys
if sys.version_info < (3, 8): sys.exit("version %d.%d is older than 3.8" % sys.version_info[:2])
print("\n".join([os.path.realpath(sys.executable)] + [os.path.realpath(p) for p in sys.path if p]))`
	cmd := exec.Command(path, "-I", "-S", "-c", ask)
	cmd.Env = []string{}
	out, err := cmd.Output()
	if err != nil {
		return interpreter{}, fault.Inputf("%s does not run: %w %s", path, err, failure(err))
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	found := interpreter{path: lines[0], read: append([]string{lines[0]}, libraryPaths...)}
	for _, dir := range lines[1:] {
		if info, err := os.Stat(dir); err == nil && info.IsDir() && filepath.IsAbs(dir) {
			found.read = append(found.read, dir)
		}
	}
	return found, nil
}

// failure is what a command wrote before it failed.
func failure(err error) string {
	if e, ok := err.(*exec.ExitError); ok {
		return strings.TrimSpace(string(e.Stderr))
	}
	return ""
}

// arguments start the driver: no site packages, no user's modules, no byte code written.
func (i interpreter) arguments() []string {
	return []string{i.path, "-s", "-S", "-B", "-u", "-c", driver}
}

// environment is all that a program finds; the seed makes the order of sets, and with it the verdict, the same every time.
func (i interpreter) environment() []string {
	return []string{"PYTHONHASHSEED=0", "PYTHONUTF8=1", "LC_ALL=C.UTF-8"}
}

// Python is the interpreter that Python programs run in; the error says what to install.
func Python() (path string, err error) {
	found, err := findPython()
	return found.path, err
}
