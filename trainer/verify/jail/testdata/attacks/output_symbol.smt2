; The same with a name that cvc5 does not put quotes into.
(set-option :regular-output-channel @CANARY@/spar-attack)
(set-option :out @CANARY@/spar-attack)
(set-option :err |@CANARY@/spar-attack|)
(echo "made")
(check-sat)
