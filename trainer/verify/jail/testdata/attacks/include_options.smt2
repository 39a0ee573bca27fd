(set-option :in "@CANARY@/secret")
(set-option :filename "@CANARY@/secret")
(load-file "@CANARY@/secret")
(check-sat)
