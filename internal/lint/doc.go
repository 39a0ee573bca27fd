// Package lint holds the rules of this repository as ordinary tests: who may import whom, how long
// files and functions may be, which names are banned, what must stand beside what, and that paths
// named in documents exist. It has no code of its own to call.
package lint
