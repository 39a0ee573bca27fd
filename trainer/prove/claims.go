package prove

// Claims lists every claim that has an experiment, in the order of their numbers.
func Claims() []Claim {
	return []Claim{
		{Number: 1, Name: "spin-threshold", Quick: true, run: spinThreshold,
			Source:   "theory: pi' ~ pi (p/pi)^(1/lambda)",
			Expected: "lambda 0.1 flips between 0.60 and 0.97, 0.5 is a 2-cycle 0.40/0.317, 0.6 -> 0.033, 1 -> 0 in one step, 2 -> 0.0058, 5 -> 0.103"},
		{Number: 2, Name: "chi2-threshold", Quick: true, run: chi2Threshold,
			Source:   "theory: the error contracts by 1 - 1/(2 beta c)",
			Expected: "beta c 0.1 oscillates in 0.29..0.53, 0.25 creeps to 0.10, 0.5 < 1e-4 after 3, 1 -> 0.0072, 5 -> 0.245"},
		{Number: 3, Name: "greedy-negatives", Quick: true, run: greedyBreaksSPIN,
			Source:   "theory: greedy negatives have another fixed point",
			Expected: "sampled negatives 0.0005 after 4 and near 0 since; greedy in 0.28..0.44, and from p_data away to 0.21..0.37"},
		{Number: 4, Name: "small-budget", Quick: true, run: smallBudget,
			Source:   "the early gain and plateau that re-evaluations of SPIN report",
			Expected: "lambda 0.1: 0.10 after 3, then 0.12..0.15; lambda 5 falls to 0.042; chi2 at beta = c = 1 falls to 0.0007"},
		{Number: 9, Name: "mixed-buffer", Quick: true, run: mixedExactly,
			Source:   "SPIN's released configs train on the pairs of two iterations",
			Expected: "with exact expectations TV 0.0069 after 10 iterations, against < 0.001 without the mixture"},
		{Number: 9, Name: "mixed-buffer-variance", run: mixedOnSamples,
			Source:   "a reading of the same configs",
			Expected: "on sampled negatives a smaller deviation between seeds than without the mixture"},
		{Number: 10, Name: "zero-signal", Quick: true, run: zeroSignal,
			Source:   "theory: p^G + (1-p)^G",
			Expected: "the share of groups without gradient follows the formula within 4 standard errors; 0.43 at G 8, 0.19 at G 16 for p 0.1"},
		{Number: 11, Name: "verifier-noise", Quick: true, run: verifierNoise,
			Source:   "arXiv 2601.04411, arXiv 2510.00915",
			Expected: "speed J within 20 %, none at J 0 (2 % of the full speed), anti-learning below; backward unbiased and noisier, forward J times the truth"},
		{Number: 14, Name: "azr-boundary", run: boundaryRule,
			Source:   "Absolute Zero: -0.5 in the code where the paper has 0",
			Expected: "fewer trivial and fewer frontier-hard proposals with -0.5, both by more than 2 standard errors"},
		{Number: 20, Name: "schedule-artefact", Quick: true, run: scheduleArtefact,
			Source:   "SPIN's scripts: six epochs, stopped after two",
			Expected: "0.74 of the peak rate is left at the stop against 0, and the policies differ by more than 0.01 in TV"},
	}
}
