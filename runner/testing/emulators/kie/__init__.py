"""KIE.AI: createTask, recordInfo, uploads, credits, callbacks; clips that start from the picture they were given.

python -m runner emulate kie --port 8642
"""
