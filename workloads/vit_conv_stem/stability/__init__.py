"""How much the result of a stem depends on its learning rate and weight decay (arXiv 2106.14881, section 5.3)."""
