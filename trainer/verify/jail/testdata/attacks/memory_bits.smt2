(declare-const x (_ BitVec 500000000))
(declare-const y (_ BitVec 500000000))
(assert (= (bvmul x y) (bvadd x y)))
(check-sat)
