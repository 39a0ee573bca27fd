package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"spar/internal/fault"
)

// Key names a task: 128 bits of a hash of what the task is.
type Key struct{ hi, lo uint64 }

// KeyOf hashes the parts of a task (family, program, input, ...), each with its length, so that moving text from one part
// to the next makes another task.
func KeyOf(parts ...string) Key {
	sum := sha256.New()
	var length [8]byte
	for _, p := range parts {
		binary.LittleEndian.PutUint64(length[:], uint64(len(p)))
		sum.Write(length[:])
		sum.Write([]byte(p))
	}
	return keyFrom(sum.Sum(nil))
}

// ParseKey reads what String wrote: 32 hexadecimal digits.
func ParseKey(text string) (Key, error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != 16 {
		return Key{}, fault.Inputf("task hash %q: want 32 hexadecimal digits", text)
	}
	return keyFrom(b), nil
}

func keyFrom(b []byte) Key {
	return Key{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}
}

// String is the key as 32 hexadecimal digits.
func (k Key) String() string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], k.hi)
	binary.BigEndian.PutUint64(b[8:], k.lo)
	return hex.EncodeToString(b[:])
}

// place is the 64-bit hash that says where a key lies: its top bits choose the page, its low bits the slot. Keys are hashes
// already; the mixing keeps keys of another origin (a counter, say) from piling up in one page.
func (k Key) place() uint64 {
	h := k.lo ^ k.hi*0x9e3779b97f4a7c15
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// before orders keys by place, then by value: the order of a ledger file.
func (k Key) before(other Key) bool {
	a, b := k.place(), other.place()
	switch {
	case a != b:
		return a < b
	case k.hi != other.hi:
		return k.hi < other.hi
	}
	return k.lo < other.lo
}
