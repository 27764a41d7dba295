"""The way through the house, as plain functions: the only place that joins stages.

project file -> data -> train -> convert -+
                                          +-> firmware -> build -> verify -> bench -> flash
somebody's .tflite -----------------------+
"""
