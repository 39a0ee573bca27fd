(reset)
(assert false)
(check-sat)
(exit)
