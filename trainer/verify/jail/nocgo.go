//go:build !cgo

package jail

// linkedWithC: every thread is Go's own.
const linkedWithC = false
