(echo "sat")
(exit)
