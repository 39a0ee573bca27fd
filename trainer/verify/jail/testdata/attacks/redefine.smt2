(define-fun not ((x Bool)) Bool true)
(define-fun = ((x Int) (y Int)) Bool false)
(check-sat)
