"""A person painted on real pixels: frames of the footage, bent to the wanted head, with the mouth that speech wants."""
