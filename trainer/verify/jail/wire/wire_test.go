package wire

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		value string
		ok    bool
	}{
		{"0:~", true}, {"1:x~", false},
		{"4:true!", true}, {"4:True!", false},
		{"2:ff#", true}, {"3:-1f#", true}, {"1:-#", false}, {"0:#", false}, {"2:FF#", false}, {"3:0x1#", false},
		{"3:nan^", true}, {"4:-inf^", true}, {"6:0x1p+3^", true}, {"0:^", false}, {"1:x^", false},
		{"14:6:0x1p+3^3:nan^j", false}, {"15:6:0x1p+3^3:nan^j", true}, {"6:3:nan^j", false},
		{"2:é,", true}, {"1:\xff,", false}, {"1:\xff'", true},
		{"0:]", true}, {"6:1:1#0:~]", false}, {"7:1:1#0:~]", true},
		{"8:1:a,1:1#}", true}, {"4:1:a,}", false}, {"7:0:]1:1#}", false}, {"7:0:)1:1#}", true},
		{"3:0:]>", false}, {"3:0:)>", true}, {"3:0:<>", true}, {"6:3:0:])>", false},
		{"1:a?", false}, {"", false}, {":~", false}, {"5:~", false}, {"-1:~", false}, {"00:~", false}, {"+0:~", false}, {"99999999999:~", false},
	} {
		item, rest, err := Next([]byte(c.value))
		if err == nil && len(rest) > 0 {
			err = errors.New("rest")
		}
		if err == nil {
			err = item.Check()
		}
		if (err == nil) != c.ok {
			t.Errorf("%q: %v, want ok=%t", c.value, err, c.ok)
		}
	}
}

func nested(depth int) Item {
	item := Item{Tag: None}
	for range depth {
		item = Item{Tag: List, Payload: item.Encode(nil)}
	}
	return item
}

func TestDepth(t *testing.T) {
	if err := nested(MaxDepth).Check(); err != nil {
		t.Errorf("%d deep: %v", MaxDepth, err)
	}
	if err := nested(MaxDepth + 1).Check(); err == nil {
		t.Error("a value may nest deeper than the limit")
	}
}

func TestFloats(t *testing.T) {
	for _, f := range []float64{0, math.Copysign(0, -1), 1.5, math.Pi, -1e300, math.SmallestNonzeroFloat64, math.Inf(1), math.Inf(-1)} {
		got, err := ParseFloat(FormatFloat(f))
		if err != nil || math.Float64bits(got) != math.Float64bits(f) {
			t.Errorf("%v becomes %q and then %v, %v", f, FormatFloat(f), got, err)
		}
	}
	if got, err := ParseFloat(FormatFloat(math.NaN())); err != nil || !math.IsNaN(got) {
		t.Errorf("NaN becomes %v, %v", got, err)
	}
}

func TestFrames(t *testing.T) {
	var b bytes.Buffer
	if err := WriteFrame(&b, Message("call", AppendText(nil, "f"), AppendTexts(nil, []string{"a", "b"}))); err != nil {
		t.Fatal(err)
	}
	whole := b.String()
	frame, err := ReadFrame(&b, 1000)
	if err != nil {
		t.Fatal(err)
	}
	verb, values, err := ParseMessage(frame)
	if err != nil || verb != "call" || len(values) != 2 {
		t.Fatalf("%q %v %v", verb, values, err)
	}
	if names, err := Texts(values[1]); err != nil || strings.Join(names, "") != "ab" {
		t.Errorf("%v, %v", names, err)
	}
	for n := range len(whole) {
		_, err := ReadFrame(strings.NewReader(whole[:n]), 1000)
		if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
	if _, err := ReadFrame(strings.NewReader("\xff\xff\xff\xff"), 1000); !errors.Is(err, ErrTooLong) {
		t.Errorf("a frame of 4 GB: %v", err)
	}
}

func TestMessagesThatAreNone(t *testing.T) {
	for _, text := range []string{"0:]", "0:~", "3:0:~]", "4:1:a,)", "7:4:call,]x", "7:4:call,", "3:1:a]"} {
		if verb, _, err := ParseMessage([]byte(text)); err == nil {
			t.Errorf("%q is taken for the message %q", text, verb)
		}
	}
}

// FuzzParseMessage: whatever passes the check is written back as it was, and its values hold no surprise.
func FuzzParseMessage(f *testing.F) {
	f.Add([]byte("7:4:call,]"))
	f.Add([]byte("20:5:value,8:1:a,1:1#}]"))
	f.Add(Message("value", nested(50).Encode(nil)))
	f.Fuzz(func(t *testing.T, b []byte) {
		verb, values, err := ParseMessage(b)
		if err != nil {
			return
		}
		var encoded [][]byte
		for _, v := range values {
			if err := v.Check(); err != nil {
				t.Fatal(err)
			}
			encoded = append(encoded, v.Encode(nil))
		}
		if again := Message(verb, encoded...); !bytes.Equal(again, b) {
			t.Fatalf("%q became %q", b, again)
		}
	})
}
