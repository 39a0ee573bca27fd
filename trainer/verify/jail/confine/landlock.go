package confine

import (
	"fmt"
	"os"

	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
)

// LandlockABI is the version that this kernel offers, 0 for none.
func LandlockABI() int {
	abi, err := ll.LandlockGetABIVersion()
	if err != nil || abi < 0 {
		return 0
	}
	return abi
}

// restrictFiles leaves the named paths readable and nothing else reachable: no other file, no TCP port, no abstract
// socket and no signal beyond this process, as far as the kernel's version goes.
func restrictFiles(read []string) (abi int, err error) {
	abi = LandlockABI()
	if abi == 0 {
		return 0, nil
	}
	var rules []landlock.Rule
	for _, path := range outermost(read) {
		info, err := os.Stat(path)
		if err != nil {
			continue // a link whose target is not among the paths
		}
		if info.IsDir() {
			rules = append(rules, landlock.RODirs(path).IgnoreIfMissing())
		} else {
			rules = append(rules, landlock.ROFiles(path).IgnoreIfMissing())
		}
	}
	if err := landlock.V7.BestEffort().Restrict(rules...); err != nil {
		return 0, fmt.Errorf("Landlock: %w", err)
	}
	return abi, nil
}
