; @FLOOD@ becomes 200 000 commands that each print a line.
@FLOOD@
(check-sat)
