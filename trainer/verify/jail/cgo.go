//go:build cgo

package jail

// linkedWithC: the C library makes threads that Go's runtime cannot confine.
const linkedWithC = true
