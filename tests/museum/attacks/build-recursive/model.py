def build(i, o):
    return build(i, o)
