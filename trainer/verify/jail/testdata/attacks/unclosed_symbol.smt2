(declare-const y Int) (assert (> y 0)) (check-sat) (set-info :status |
