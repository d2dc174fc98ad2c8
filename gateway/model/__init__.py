"""Plain values of the domain. Import nothing but the standard library, msgspec and each other."""
