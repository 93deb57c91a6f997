"""A person known from one photo: the photo itself, warped to the driven mesh, with a painted mouth and lids that close.
"""
