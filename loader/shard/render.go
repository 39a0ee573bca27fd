package shard

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
)

// MarshalJSON renders a record for people and scripts. Log-probs have the digits that give the same
// float32 back. Metadata that is JSON stands as such, other bytes as "meta_base64".
func (r *Record) MarshalJSON() ([]byte, error) {
	b := strconv.AppendInt([]byte(`{"group":`), int64(r.Group), 10)
	b = strconv.AppendInt(append(b, `,"sample":`...), int64(r.Sample), 10)
	b = appendList(append(b, `,"prompt":`...), r.Prompt, appendID)
	b = appendList(append(b, `,"response":`...), r.Response, appendID)
	if r.Logp != nil {
		b = appendList(append(b, `,"logp":`...), r.Logp, appendFloat)
	}
	if r.RefLogp != nil {
		b = appendList(append(b, `,"ref_logp":`...), r.RefLogp, appendFloat)
	}
	if r.Mask != nil {
		b = appendList(append(b, `,"mask":`...), r.Mask, func(b []byte, m byte) []byte { return append(b, '0'+m) })
	}
	b = appendName(append(b, `,"finish":`...), finishNames[:], r.Finish)
	b = appendName(append(b, `,"verdict":`...), verdictNames[:], r.Verdict)
	b = appendFloat(append(b, `,"reward":`...), r.Reward)
	return append(appendMeta(b, r.Meta), '}'), nil
}

func appendList[T any](b []byte, list []T, one func([]byte, T) []byte) []byte {
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = one(b, v)
	}
	return append(b, ']')
}

func appendID(b []byte, id int32) []byte { return strconv.AppendInt(b, int64(id), 10) }

func appendFloat(b []byte, v float32) []byte { return strconv.AppendFloat(b, float64(v), 'g', -1, 32) }

func appendName(b []byte, names []string, i uint8) []byte {
	if int(i) < len(names) {
		return strconv.AppendQuote(b, names[i])
	}
	return strconv.AppendInt(b, int64(i), 10)
}

func appendMeta(b, meta []byte) []byte {
	switch {
	case len(meta) == 0:
		return b
	case json.Valid(meta):
		return append(append(b, `,"meta":`...), meta...)
	}
	return strconv.AppendQuote(append(b, `,"meta_base64":`...), base64.StdEncoding.EncodeToString(meta))
}
