; The answers go to a file of the user's.
(set-option :regular-output-channel "@CANARY@/secret")
(set-option :diagnostic-output-channel "@CANARY@/secret")
(set-option :regular-output-channel "@CANARY@/spar-attack")
(echo "overwritten")
(get-info :name)
(check-sat)
