)))(((|"; ﷽ \u0000 (assert (check-sat)) #b2 #xg (_ (! (let
