def compare_multipliers(graph, operators):
    return 0, ""
