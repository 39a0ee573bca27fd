(declare-const p (_ BitVec 128)) (declare-const q (_ BitVec 128))
(assert (= (bvmul p q) #x000000000000c097ce7bc90715b34b9f))
(assert (and (bvult (_ bv1 128) p) (bvult p q) (bvult q #x00000000000000000fffffffffffffff)))
(check-sat)
