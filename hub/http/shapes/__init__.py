"""What is asked and what is answered, as OpenAPI tells it.

Questions are checked by these models. Answers come from `hub.services` as they are; tests hold every one against its
model, so that nothing is checked twice while serving.
"""
