; Both print what they cannot parse.
(include "@CANARY@/secret")
(include "/etc/passwd")
(check-sat)
