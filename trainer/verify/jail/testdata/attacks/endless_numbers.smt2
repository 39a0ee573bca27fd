(declare-const a Int) (declare-const b Int) (declare-const c Int) (declare-const n Int)
(assert (and (> a 1) (> b 1) (> c 1) (> n 2)))
(assert (= (+ (* a a a) (* b b b)) (* c c c)))
(check-sat)
