package shard

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"strings"

	"spar/internal/fault"
)

const (
	magic         = "\x89SPR\r\n\x1a\n" // broken by newline conversion and by 7-bit transfer
	endianTag     = 0x01020304
	versionMajor  = 1
	versionMinor  = 0
	superblockLen = 4096
	alignment     = 64
	hashBytes     = 128 // a length byte and the text
	maxInfo       = 2048
	maxVocab      = 1 << 31
)

// Places in the superblock.
const (
	atEndian  = 8
	atMajor   = 12
	atMinor   = 14
	atCompat  = 16
	atReadOK  = 24 // features that a reader may ignore and a writer may not
	atRefuse  = 32 // features that nobody may ignore
	atVocab   = 40
	atWidth   = 44
	atHashes  = 64
	atInfo    = atHashes + 4*hashBytes // u16 length, text
	atSumSB   = superblockLen - 4
	narrowMax = 1 << 16
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

func roundUp(n int) int { return (n + alignment - 1) &^ (alignment - 1) }

// layoutOf is what the superblock fixes for every record.
type layoutOf struct {
	vocab int
	width int    // bytes of an id: 2 or 4
	tag   uint32 // the superblock's checksum, which every block repeats
}

func (h Header) width() int {
	if h.VocabSize <= narrowMax {
		return 2
	}
	return 4
}

func (h *Header) hashes() []*string {
	return []*string{&h.TokenizerHash, &h.TemplateHash, &h.PolicyHash, &h.SamplerHash}
}

func (h Header) check() error {
	if h.VocabSize < 1 || h.VocabSize > maxVocab {
		return fault.Inputf("shard header: a vocabulary of %d is out of range: want 1 to %d", h.VocabSize, maxVocab)
	}
	for _, s := range h.hashes() {
		if len(*s) >= hashBytes {
			return fault.Inputf("shard header: the hash %.20q... has %d bytes: at most %d fit", *s, len(*s), hashBytes-1)
		}
	}
	if len(h.Info) > maxInfo {
		return fault.Inputf("shard header: info has %d bytes: at most %d fit", len(h.Info), maxInfo)
	}
	return nil
}

// encode returns the superblock.
func (h Header) encode() []byte {
	b := make([]byte, superblockLen)
	le := binary.LittleEndian
	copy(b, magic)
	le.PutUint32(b[atEndian:], endianTag)
	le.PutUint16(b[atMajor:], versionMajor)
	le.PutUint16(b[atMinor:], versionMinor)
	le.PutUint32(b[atVocab:], uint32(h.VocabSize))
	b[atWidth] = byte(h.width())
	for i, s := range h.hashes() {
		at := atHashes + i*hashBytes
		b[at] = byte(len(*s))
		copy(b[at+1:], *s)
	}
	le.PutUint16(b[atInfo:], uint16(len(h.Info)))
	copy(b[atInfo+2:], h.Info)
	le.PutUint32(b[atSumSB:], checksum(b[:atSumSB]))
	return b
}

// decodeHeader reads the superblock of file name. writing refuses features that a writer must know.
func decodeHeader(b []byte, name string, writing bool) (Header, layoutOf, error) {
	le := binary.LittleEndian
	fail := func(err error) (Header, layoutOf, error) { return Header{}, layoutOf{}, err }
	if len(b) < superblockLen {
		return fail(damaged(name, int64(len(b)), "the file ends inside its first %d bytes", superblockLen))
	}
	b = b[:superblockLen]
	if !bytes.HasPrefix(b, []byte(magic)) {
		return fail(fault.Inputf("%s: byte 0: not a shard: it starts with %q", name, b[:len(magic)]))
	}
	if tag := le.Uint32(b[atEndian:]); tag != endianTag {
		return fail(damaged(name, atEndian, "byte-order tag %#x, want %#x", tag, endianTag))
	}
	sum := le.Uint32(b[atSumSB:])
	if got := checksum(b[:atSumSB]); got != sum {
		return fail(damaged(name, 0, "checksum of the header is %08x, stored %08x", got, sum))
	}
	if err := checkVersion(b, name, writing); err != nil {
		return fail(err)
	}
	h := Header{VocabSize: int(le.Uint32(b[atVocab:]))}
	for i, s := range h.hashes() {
		at := atHashes + i*hashBytes
		if n := int(b[at]); n < hashBytes {
			*s = string(b[at+1 : at+1+n])
		}
	}
	if n := int(le.Uint16(b[atInfo:])); n <= maxInfo {
		h.Info = string(b[atInfo+2 : atInfo+2+n])
	}
	// A right checksum says that the bytes are as written, not that this version wrote them.
	if h.check() != nil || int(b[atWidth]) != h.width() || !extended(b) && !bytes.Equal(b[:atSumSB], h.encode()[:atSumSB]) {
		return fail(damaged(name, 0, "the header has values that no version %d file has", versionMajor))
	}
	return h, layoutOf{vocab: h.VocabSize, width: h.width(), tag: sum}, nil
}

// extended reports whether a later version may have put more into the superblock.
func extended(b []byte) bool {
	le := binary.LittleEndian
	return le.Uint16(b[atMinor:]) > versionMinor || le.Uint64(b[atCompat:])|le.Uint64(b[atReadOK:]) != 0
}

func checkVersion(b []byte, name string, writing bool) error {
	le := binary.LittleEndian
	if major := le.Uint16(b[atMajor:]); major != versionMajor {
		return fault.Inputf("%s: byte %d: format version %d.%d, and this program reads version %d: use the program that wrote it",
			name, atMajor, major, le.Uint16(b[atMinor:]), versionMajor)
	}
	unknown := le.Uint64(b[atRefuse:])
	if writing {
		unknown |= le.Uint64(b[atReadOK:])
	}
	if unknown != 0 {
		return fault.Inputf("%s: byte %d: uses format features (bits %s) that this program does not know: use a newer one",
			name, atRefuse, bitList(unknown))
	}
	return nil
}

func bitList(set uint64) string {
	var names []string
	for i := range 64 {
		if set>>i&1 == 1 {
			names = append(names, itoa(i))
		}
	}
	return strings.Join(names, ", ")
}
