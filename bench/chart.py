def svg(r): return ""
