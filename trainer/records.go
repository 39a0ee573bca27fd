package trainer

import (
	"cmp"
	"maps"
	"slices"

	"spar/internal/fault"
	"spar/loader/shard"
)

// header describes records drawn from or scored by the policy with the given hash.
func (r *run) header(policyHash, settings string) shard.Header {
	return shard.Header{TokenizerHash: r.lineage.Tokenizer, TemplateHash: r.lineage.Template, PolicyHash: policyHash,
		SamplerHash: settings, VocabSize: r.model.Config.VocabSize}
}

// id names a record within its shard.
type id struct{ key, sample int }

// records is a shard's content by name.
type records map[id]shard.Record

// get returns a record; its absence is an error that names the file.
func (m records) get(file string, key, sample int) (shard.Record, error) {
	rec, ok := m[id{key, sample}]
	if !ok {
		return rec, fault.Inputf("%s: has no sample %d of row %d; remove the file to have it made again", file, sample, key)
	}
	return rec, nil
}

// checkWhole compares a sealed shard with what its stage was to write.
func checkWhole(file string, have, want int) error {
	if have != want {
		return fault.Inputf("%s: %d records, want %d; remove the file to have it made again", file, have, want)
	}
	return nil
}

// ordered are the names of all records, by key and sample.
func (m records) ordered() []id {
	return slices.SortedFunc(maps.Keys(m), func(a, b id) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.sample, b.sample))
	})
}
