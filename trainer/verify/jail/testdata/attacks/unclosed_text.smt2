; Swallows the question that follows.
(declare-const y Int) (assert (> y 0)) (check-sat) (echo "
