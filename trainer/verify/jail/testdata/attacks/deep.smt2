; @DEEP@ becomes 500 000 negations inside each other.
(assert @DEEP@)
(check-sat)
