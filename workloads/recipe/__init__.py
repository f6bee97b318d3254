"""The training recipe of "Early Convolutions Help Transformers See Better" (arXiv 2106.14881, section 4)."""
