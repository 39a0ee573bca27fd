package trainer

// addEnds adds the held-out loss of the first and of the last token of real responses, in nats. A trained model that reads its own template
// expects both; far above the mean loss they say that prompts are laid out, or responses ended, in a way that it was not trained with.
func (r *run) addEnds(real records, v map[string]float64) {
	n := float64(r.held.reals())
	for _, x := range r.held.examples {
		if !x.real() {
			continue
		}
		logp := real.at(x.key, 0).Logp
		v["loss_first"] -= float64(logp[0]) / n
		v["loss_last"] -= float64(logp[len(logp)-1]) / n
	}
}
