; The solver's own limits are options too.
(set-option :memory_max_size 0)
(set-option :memory_high_watermark 0)
(set-option :rlimit 0)
(set-option :tlimit-per 0)
(set-option :timeout 4294967295)
(declare-const a Int) (declare-const b Int) (declare-const c Int)
(assert (= (+ (* a a a) (* b b b) (* c c c)) 114))
(check-sat)
