; Threads are let, as many as there may be: none outlives the solver.
(declare-const x (_ BitVec 64)) (declare-const y (_ BitVec 64))
(assert (= (bvmul x x x y) #x0123456789abcdef))
(check-sat-using (par-or (par-or smt smt smt smt smt smt smt smt) (par-or smt smt smt smt smt smt smt smt)))
(check-sat-using (then simplify (par-then (par-or smt smt smt smt) smt)))
