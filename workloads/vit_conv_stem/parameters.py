"""What a user may set on a vision-transformer payload. Holds no torch."""

from pydantic import Field

from workloads.image_parameters import ImageParameters


class ViTParameters(ImageParameters):
    """An image classifier's parameters; the side is whole patches, as it fixes the table of positions."""

    image_size: int = Field(
        default=224, ge=32, le=1024, multiple_of=16, description="Height and width of an image, whole patches (pixels)."
    )
