"""Two real platforms on loopback: software nobody here wrote, installed from the ordinary registries."""
