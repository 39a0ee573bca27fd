package checkpoint

import (
	"slices"
	"strings"

	"spar/internal/strictjson"
)

// ropeKeys lists the parameters of each type; a parameter that a type would ignore is an error.
var ropeKeys = map[string][]string{
	"default": {},
	"linear":  {"factor"},
	"dynamic": {"factor"},
	"yarn":    {"factor", "original_max_position_embeddings", "attention_factor", "beta_fast", "beta_slow", "mscale", "mscale_all_dim", "truncate"},
	"llama3":  {"factor", "original_max_position_embeddings", "low_freq_factor", "high_freq_factor"},
}

// rope reads the rotary parameters: rope_theta and rope_scaling, or rope_parameters.
func (k *configKeys) rope(maxPositions int) Rope {
	v := k.ropeObject()
	theta := k.float("rope_theta", 0)
	if k.err != nil {
		return Rope{}
	}
	inner := &configKeys{r: k.r, root: v, used: map[string]bool{}, fam: k.fam}
	rope := Rope{Type: inner.ropeType(), Theta: inner.float("rope_theta", 0)}
	switch {
	case inner.used["rope_theta"] && rope.Theta != 0 && theta != 0 && rope.Theta != theta:
		inner.err = k.at("rope_theta", "it is given twice, as %g and as %g; keep one", theta, rope.Theta)
	case rope.Theta == 0 && theta != 0:
		rope.Theta = theta
	case rope.Theta == 0 && !hasKey(k.root, "rope_theta") && !hasKey(v, "rope_theta"):
		rope.Theta = 10_000 // transformers' default
	}
	inner.ropeParameters(&rope, maxPositions)
	inner.ropeRest(rope.Type)
	k.err = inner.err
	return rope
}

func hasKey(v strictjson.Value, key string) bool {
	_, ok := v.Get(key)
	return ok
}

// ropeObject is rope_parameters or rope_scaling, whichever is there; an empty object for neither.
func (k *configKeys) ropeObject() strictjson.Value {
	found := strictjson.Value{Kind: '{', At: k.root.At}
	given := 0
	for _, key := range []string{"rope_parameters", "rope_scaling"} {
		v, ok := k.get(key)
		switch {
		case !ok || v.Kind == 'n':
		case v.Kind != '{':
			k.fail(v.At, "%s must be an object or null; correct it", key)
		default:
			found = v
			given++
		}
	}
	if given == 2 {
		k.fail(found.At, "rope_parameters and rope_scaling are both given; keep one")
	}
	return found
}

func (k *configKeys) ropeType() string {
	older, hasOlder := k.text("type")
	newer, hasNewer := k.text("rope_type")
	kind := "default"
	switch {
	case hasOlder && hasNewer && older != newer:
		k.err = k.at("rope_type", "it is %s but type is %s; keep one", strictjson.Quote(newer), strictjson.Quote(older))
	case hasNewer:
		kind = newer
	case hasOlder:
		kind = older
	}
	if _, ok := ropeKeys[kind]; !ok && k.err == nil {
		k.err = k.at("rope_type", "%s is not supported; supported are %s", strictjson.Quote(kind), ropeTypes)
	}
	return kind
}

func (k *configKeys) ropeParameters(r *Rope, maxPositions int) {
	if r.Type == "default" || k.err != nil {
		return
	}
	for _, key := range ropeKeys[r.Type] {
		k.used[key] = true
	}
	if !hasKey(k.root, "factor") {
		k.err = k.at("factor", "the rotary embedding type %s needs it; add it", r.Type)
	}
	r.Factor = k.float("factor", 0)
	if r.Type == "llama3" {
		r.LowFreqFactor, r.HighFreqFactor = k.float("low_freq_factor", 0), k.float("high_freq_factor", 0)
	}
	if r.Type == "llama3" || r.Type == "yarn" {
		r.OriginalMaxPositions = k.int("original_max_position_embeddings", maxPositions)
	}
	if r.Type != "yarn" {
		return
	}
	r.Truncate = k.bool("truncate", true)
	for _, p := range []struct {
		key string
		to  *float64
	}{
		{"attention_factor", &r.AttentionFactor}, {"beta_fast", &r.BetaFast}, {"beta_slow", &r.BetaSlow},
		{"mscale", &r.MScale}, {"mscale_all_dim", &r.MScaleAllDim},
	} {
		v, given := k.get(p.key)
		if !given || v.Kind == 'n' {
			continue
		}
		if *p.to = k.float(p.key, 0); !(*p.to > 0) {
			k.fail(v.At, "%s must be above 0; correct it or remove it", p.key)
		}
	}
}

// ropeRest refuses the parameters that the type does not use.
func (k *configKeys) ropeRest(kind string) {
	for _, m := range k.root.Members {
		switch {
		case m.Key == "partial_rotary_factor":
			if !equals(m.Value, "1") && !equals(m.Value, "null") {
				k.fail(m.At, "partial_rotary_factor is not supported; supported: 1")
			}
		case !k.used[m.Key] && !slices.Contains(ropeKeys[kind], m.Key):
			k.fail(m.At, "the rotary embedding type %s does not use %s; it uses rope_theta %s", kind, strictjson.Quote(m.Key), strings.Join(ropeKeys[kind], " "))
		}
	}
}
