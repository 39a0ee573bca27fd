(define-fun-rec f ((n Int)) Int (ite (< n 0) 0 (+ 1 (f (+ n 1)))))
(declare-const k Int)
(assert (> (f k) (f (+ k 1)) 1000000000))
(check-sat)
