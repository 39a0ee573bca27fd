package trainer

import (
	"iter"
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

// records are a shard's content: of each group its samples, by number.
type records map[int][]shard.Record

// absent is the sample number of a record that the shard does not have.
const absent = -1

// grouped are records by group. A group whose samples stand in order is a part of all.
func grouped(all []shard.Record) records {
	m := records{}
	for first := 0; first < len(all); {
		key, end := all[first].Group, first
		for end < len(all) && all[end].Group == key && all[end].Sample == end-first {
			end++
		}
		if m[key] == nil && end > first {
			m[key] = all[first:end:end]
		} else {
			end = first + 1
			m.put(all[first])
		}
		first = end
	}
	return m
}

// put adds a record.
func (m records) put(rec shard.Record) {
	group := m[rec.Group]
	for len(group) <= rec.Sample {
		group = append(group, shard.Record{Sample: absent})
	}
	group[rec.Sample] = rec
	m[rec.Group] = group
}

// at returns a record, or an empty one.
func (m records) at(key, sample int) shard.Record {
	if group := m[key]; sample < len(group) {
		return group[sample]
	}
	return shard.Record{Sample: absent}
}

// get returns a record; its absence is an error that names the file.
func (m records) get(file string, key, sample int) (shard.Record, error) {
	rec := m.at(key, sample)
	if rec.Sample == absent {
		return rec, fault.Inputf("%s: has no sample %d of row %d; remove the file to have it made again", file, sample, key)
	}
	return rec, nil
}

// drawn are the rollouts that this process drew or read last, for the stages of an iteration that need them in turn.
type drawn struct {
	iteration int
	rollouts  records // nil: none yet
}

// checkWhole compares a sealed shard with what its stage was to write.
func checkWhole(file string, have, want int) error {
	if have != want {
		return fault.Inputf("%s: %d records, want %d; remove the file to have it made again", file, have, want)
	}
	return nil
}

// all yields the records by key, then by sample.
func (m records) all() iter.Seq[shard.Record] {
	return func(yield func(shard.Record) bool) {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			for _, rec := range m[key] {
				if rec.Sample != absent && !yield(rec) {
					return
				}
			}
		}
	}
}
