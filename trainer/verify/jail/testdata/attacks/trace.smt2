; z3 traces into a file.
(set-option :trace true)
(set-option :trace_file_name "@CANARY@/spar-attack")
(declare-const x Int)
(assert (> x 1))
(check-sat)
