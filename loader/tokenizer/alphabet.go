package tokenizer

import "unicode/utf8"

// A byte-level vocabulary writes each byte as one printable character (GPT-2, encoder.py): printable Latin-1 stands
// for itself, the other 68 bytes for U+0100 and up, in order.

var charByte = func() map[rune]byte {
	bytes := make(map[rune]byte, 256)
	next := rune(256)
	for b := range 256 {
		r := rune(b)
		if !(r >= '!' && r <= '~' || r >= 0xA1 && r <= 0xAC || r >= 0xAE && r <= 0xFF) {
			r = next
			next++
		}
		bytes[r] = byte(b)
	}
	return bytes
}()

// tokenBytes returns the bytes that a token stands for; one with characters outside the alphabet stands for itself.
func tokenBytes(token string) (text string, inAlphabet bool) {
	buf := make([]byte, 0, len(token))
	for _, r := range token {
		b, ok := charByte[r]
		if !ok {
			return token, false
		}
		buf = append(buf, b)
	}
	return string(buf), true
}

// invalidPrefix returns, for s that does not start with a valid UTF-8 sequence, the length of the longest start of
// one (at least 1), and whether more bytes could complete it. Each such start becomes one U+FFFD (Unicode 3.9, D93b).
func invalidPrefix(s []byte) (n int, incomplete bool) {
	lo, hi, need := byte(0x80), byte(0xBF), 0
	switch c := s[0]; {
	case c >= 0xC2 && c <= 0xDF:
		need = 1
	case c >= 0xE0 && c <= 0xEF:
		need = 2
		if c == 0xE0 {
			lo = 0xA0
		} else if c == 0xED {
			hi = 0x9F
		}
	case c >= 0xF0 && c <= 0xF4:
		need = 3
		if c == 0xF0 {
			lo = 0x90
		} else if c == 0xF4 {
			hi = 0x8F
		}
	default:
		return 1, false
	}
	n = 1
	for ; n <= need; n++ {
		if n == len(s) {
			return n, true
		}
		if s[n] < lo || s[n] > hi {
			return n, false
		}
		lo, hi = 0x80, 0xBF
	}
	return n, false
}

// appendText appends the text of raw. Bytes that could still become a character are returned as rest unless last.
func appendText(dst, raw []byte, last bool) (text, rest []byte) {
	for len(raw) > 0 {
		if r, size := utf8.DecodeRune(raw); r != utf8.RuneError || size > 1 {
			dst = append(dst, raw[:size]...)
			raw = raw[size:]
			continue
		}
		n, incomplete := invalidPrefix(raw)
		if incomplete && !last {
			return dst, raw
		}
		dst = append(dst, "\uFFFD"...)
		raw = raw[n:]
	}
	return dst, nil
}
