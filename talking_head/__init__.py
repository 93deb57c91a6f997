"""The product: targets, enrolment, synthesis, command line; the only room that knows all the others."""
