(declare-const y Int) (check-sat) (push (assert
